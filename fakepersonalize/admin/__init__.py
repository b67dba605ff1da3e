"""What tests and people may ask of the emulator itself, under `/_fakepersonalize/`.

Belongs here: HTTP for health, clock, faults, reset. Does not: anything that AWS offers.
"""
