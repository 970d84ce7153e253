"""The benchmark's rig: who is measured, how it is loaded, what is counted, and the table at the end."""
