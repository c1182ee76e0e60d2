"""All odd inputs, and the kinds of fault that they are examples of."""

import cases_command
import cases_files
import cases_python

KINDS = {
    "A": "A command that is refused or fails leaves what was there",
    "B": "What identifies a run is what files hold, not how their path is spelt",
    "C": "No output goes over what the command reads",
    "D": "One table for any number of workers",
    "E": "Failure is not reported as success",
    "F": "Numbers on the command line are decimal",
    "G": "Settings that contradict each other, or are of no use, are not dropped silently",
    "H": "Values outside the declared range are refused at the border",
    "I": "The full scale of a picture is not guessed",
    "J": "Whatever Pillow raises is an error that names the file",
    "K": "What is a picture is a list of formats",
    "L": "The limit stated is the limit applied",
    "M": "Names are printed as they are",
    "N": "The terminal's encoding does not end a command",
    "O": "Ctrl-C is one line and status 130 at any moment; nothing heavy is loaded in vain",
    "P": "A file in the current folder does not stand in for Python's own",
    "Q": "Mistakes in what the user gave are called so",
    "R": "Waiting for a remote has an end",
    "S": "An export holds whatever a grid may hold",
    "T": "A user's matplotlib settings stay out of linksim's figures",
    "U": "The path that is said is the path that was written",
    "V": "Help, README and behaviour agree",
    "W": "Threads on one flowgraph get their own numbers",
    "X": "A port admits the precisions that its block computes in",
    "Y": "A seed is a whole number",
    "Z": "An argument of a wrong type gets an error that names it",
    "AA": "Definitions hold at their edges",
    "AB": "Text files may have a byte order mark",
    "AC": "Outputs are looked at before the work",
    "AD": "Nothing is left out without a word",
    "AE": "One policy for a broken picture in a folder",
    "AF": "Text is made fit for its file format",
    "AG": "A message is about what was typed",
}
CASES = sorted(
    [*cases_files.CASES, *cases_command.CASES, *cases_python.CASES], key=lambda case: list(KINDS).index(case.kind)
)
