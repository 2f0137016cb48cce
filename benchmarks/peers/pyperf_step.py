"""The step as pyperf's pages tell: a script that each of its processes runs again."""

import pyperf
import test_workloads

runner = pyperf.Runner()
test_workloads.test_cnn(lambda step: runner.bench_func("test_cnn", step))
