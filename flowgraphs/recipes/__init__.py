"""How the systems are trained, one recipe per file; `linksim train NAME` finds them here."""
