"""Image codecs under a rate target: one stream's frames become packets on the robot and pictures again off-board."""
