"""The wire format: the codec of messages and the envelope around them."""
