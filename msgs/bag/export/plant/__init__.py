"""The recorded data of a plant (an emulator or robot): its ticks, and its spec, which is a part of the recorded launch."""
