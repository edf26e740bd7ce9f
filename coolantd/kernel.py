"""One source, two speeds: a plain function controls at once, its compiled form takes over when it is ready.

Kernels are ordinary functions over packed float64 arrays. This file is the only one that knows numba, and it
imports it only when asked to compile, so that a daemon without a usable compiler still controls.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

KernelFunction = Callable[..., Any]

_registered: set[KernelFunction] = set()
_uncached: dict[tuple[KernelFunction, bool, bool], KernelFunction] = {}
"""Forms that are kept nowhere else, by function and options: whoever asks for one again in this process gets it."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """A function over packed arrays, and the plain functions it calls.

    Attributes:
        function: the law itself; call it uncompiled as it is. Its compiled form's ``py_func`` is this very function.
        helpers: every plain function it calls, directly or not, callees before callers.
    """

    function: KernelFunction
    helpers: tuple[KernelFunction, ...] = ()

    def compiled(self, *, cache: bool = True, boundscheck: bool = False, nogil: bool = False) -> KernelFunction:
        """Return the numba form; it compiles, or loads its cache, at the first call.

        Never fastmath: it would delete the NaN guards (FM-16). ``error_model="python"`` so that a division by
        zero is an error and not an infinity.

        Without numba's counting of references (``_nrt``): kernels only look at parts of arrays that their caller
        holds, and counting every look, with locks, took four fifths of the time. So a kernel may make no array, return
        none, and copy none as a whole; numba refuses to compile one that does.

        Args:
            cache: keep machine code under ``NUMBA_CACHE_DIR``, else in this process alone. numba keys an entry on the
                source file of ``function``, so the directory itself must be named after all kernel sources (see
                ``coolantd.service.kernels``).
            boundscheck: check array indices; for tests.
            nogil: let other threads run meanwhile; for long simulations on arrays that no other thread touches.
        """
        import numba
        from numba.extending import register_jitable

        for helper in self.helpers:
            if helper not in _registered:
                # nobody calls a helper from C: a tenth of the time to compile, and of its memory
                register_jitable(no_cfunc_wrapper=True, _nrt=False)(helper)
                _registered.add(helper)
        asked = (self.function, boundscheck, nogil)
        if not cache and asked in _uncached:
            return _uncached[asked]
        options: dict[str, Any] = {"error_model": "python", "_nrt": False}  # the second is in no type stub of numba's
        form: KernelFunction = numba.njit(cache=cache, boundscheck=boundscheck, nogil=nogil, **options)(self.function)
        if not cache:
            _uncached[asked] = form
        return form
