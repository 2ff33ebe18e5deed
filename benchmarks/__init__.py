"""Programs that measure kzoo beside its peers, in one run.

    pip install -e '.[benchmark]'
    python -m benchmarks.run

Absolute times mean little from one machine to another; ratios within a run do. So the
programs take turns: each contestant runs once, then each again, and so on, and the
medians are compared. A peer that is not installed is left out and said to be.
"""
