"""The first of many cases."""


class First:
    """The first `count` cases of others."""

    def __init__(self, cases, count):
        self.cases, self.count, self.names = cases, count, cases.names

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return self.cases[index]

    def digest(self):
        return f"{self.count} of {self.cases.digest()}"
