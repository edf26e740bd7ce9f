"""The wire: pymodbus and aiomqtt, one file each. Every expected failure leaves here as a DeviceError."""
