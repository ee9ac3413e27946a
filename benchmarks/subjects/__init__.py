"""What a worker runs: each module has ``prepare(case, **options) -> (information, calls)``."""
