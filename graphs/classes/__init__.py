"""The classes that a graph names: their modules, interpreters and messages."""
