"""Reports written for the tests, no patient's: enough forms of speech for every column of a table to be filled."""

import itertools

SENTENCES = [
    "No pleural effusion.",
    "Small left pleural effusion, increased since the prior study.",
    "The heart is enlarged.",
    "Possible pneumonia in the right lower lobe.",
    "No pneumothorax.",
    "8 mm nodule in the right upper lobe.",
    "Endotracheal tube tip 4 cm above the carina.",
    "History of tuberculosis.",
    "Æ naïve “café” sign; 😀 no edema.",
    "",
]


def reports(count):
    """`count` reports, all different by their ids only in the long run."""
    pairs = itertools.cycle(itertools.product(SENTENCES, SENTENCES))
    return [f"FINDINGS: {a} {b}" for a, b in itertools.islice(pairs, count)]
