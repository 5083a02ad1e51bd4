"""Runs one program of bench/programs: run_program.py NAME SIZE REPEATS. Prints its checksum and the seconds of every repeat.

A line "checksum TEXT", then lines "time CPU WALL". Needs nothing but builtin modules, so that it measures the program.
"""
import sys
import time

name, size, repeats = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
sys.path[0] += "/programs"
program = __import__(name)
if size < 0:
    size = program.SIZE
elif size == 0:
    size = program.QUICK
checksum = None
times = []
for _ in range(repeats):
    wall, cpu = time.perf_counter(), time.process_time()
    result = program.run(size)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    times.append((cpu, wall))
    if checksum is not None and checksum != result:
        raise SystemExit(f"{name}: two runs disagree")
    checksum = result
print("checksum", checksum)
for cpu, wall in times:
    print("time", cpu, wall)
