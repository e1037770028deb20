"""What a recording holds of a plant (an emulator or robot): its ticks, and its spec, from the recorded launch."""
