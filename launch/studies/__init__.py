"""The studies: experiments of the paper (Riemer et al., ICLR 2025) and further ones. One command repeats a study.

A study varies several parameters. A cell is one run of the study, with one value for each of these parameters.
"""
