"""SA-OOSC: a picture over a noisy link with a learned codec, a rate per patch by entropy and importance."""

from linksim.blocks import LagrangianRateAllocator
from linksim.flowgraphs.parts import Codec, PictureSystem

sa_oosc = PictureSystem(
    "sa_oosc",
    """SA-OOSC's link: `Codec()` and `LagrangianRateAllocator()` at CBR 0.0201.

    The paper's own rate is `rate=RateAllocator(alpha=16.0)` with `codec=Codec(importance_gain_db=0.0)`; on street
    scenes it gives important patches less quality than the default does.
    """,
    codec=Codec,
    rate=LagrangianRateAllocator,
)
