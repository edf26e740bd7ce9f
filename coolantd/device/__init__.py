"""The wire: sockets, serial ports, the only home of aiomqtt. An expected failure leaves as a DeviceError or a state."""
