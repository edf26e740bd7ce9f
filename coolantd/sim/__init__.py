"""Virtual devices on real sockets, driven by the plant model. `coolantd run` never imports it."""
