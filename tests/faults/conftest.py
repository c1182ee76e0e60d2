"""The odd inputs import each other by their names, as scripts/show_faults.py does."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
