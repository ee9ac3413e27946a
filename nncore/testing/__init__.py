"""The conformance suite for implementations of convolution and pooling.

It compares any registered implementation with explicit loops in NumPy::

    pip install 'nncore-pytensor[testing]'
    pytest --pyargs nncore.testing --implementation NAME

``--implementation`` may be given several times; ``distribution:name`` chooses between plugins
that claim one name. ``--kind conv`` or ``pool`` and ``--backend`` restrict the run, ``--examples``
says how many geometries are drawn at random, and ``--allow-unavailable`` lets
an implementation that cannot run on this machine be skipped; without it, such a run fails. At the
end stands a table of what is supported, what is refused and why, and what failed.

What is checked, on each backend that the implementation claims:

- a fixed list of hard geometries and others that are drawn at random, in every direction, in
  float32 and float64, and in float16 where it is claimed;
- that what :meth:`~nncore.hookspecs.Implementation.supports` claims is right, and that what it
  refuses is refused with its reason when the implementation is named;
- batches without a sample, sizes that are known at run time only, operands that are not
  contiguous, and kernels that share a cache key;
- that a kernel gives the same result again, changes none of its operands, returns none of their
  memory, and may be called from several threads;
- expressions compiled with it, with their first and second derivatives.

**How much agreement is.** A result agrees if each element differs from the oracle's, which is
computed in float64, by at most ``t * (abs(element) + max(1, largest))``, where `largest` is the
largest element of the oracle's result and `t` is 1e-2 for float16, 3e-5 for float32 and 1e-11 for
float64 (:data:`nncore.testing.values.TOLERANCES`). That lets sums be taken in any order, and by
Fourier or Winograd transforms, but not in a lower precision, such as TF32. Infinities and NaN have
to be in the same places.
"""

__all__: list[str] = []
