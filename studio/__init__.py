"""A page in the browser on which flowgraphs are drawn, checked, run and looked into (extra `studio`)."""
