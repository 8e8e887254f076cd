"""The whole of MIZZAP on one machine: embedded servers and the supervisor behind `make run`."""
