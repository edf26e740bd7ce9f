"""The wire: the only home of pymodbus and of aiomqtt. An expected failure leaves here as a DeviceError or a state."""
