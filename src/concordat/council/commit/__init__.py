"""What was promised: the register of commitments, its first items, targets, and help to find them in a text.

    from concordat.council.commit import Register, Target, sentences
    register = Register.load_seed()
    print(register.summary())
    register = register.moved("t20-f3a", "specified")
    target = Target.load(text)

`register` holds the items and where each may go; `seed` registers what the source documents propose; `targets` reads
what is to be reached by when; `extract` proposes sentences of a communique, and a person confirms each.
"""

from concordat.council.commit.extract import Candidate, sentences
from concordat.council.commit.register import Commitment, Register
from concordat.council.commit.targets import Series, Target

__all__ = ["Candidate", "Commitment", "Register", "Series", "Target", "sentences"]
