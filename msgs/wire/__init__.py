"""The wire format: the codec of messages, the envelope around them, and the schemas of message classes."""
