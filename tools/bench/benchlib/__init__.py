"""What the benchmark scripts share: child processes, CPU accounting, the rig, the loads."""
