"""The step as asv's pages tell: `setup` is not timed, `time_...` is."""

import test_workloads


class Cnn:
    def setup(self):
        steps = []
        test_workloads.test_cnn(steps.append)
        (self.step,) = steps

    def time_step(self):
        self.step()
