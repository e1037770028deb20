"""The studies: experiments of the paper (Riemer et al., ICLR 2025) and of our own, each repeated by one command.

A cell is one run of a study, with one value for each parameter that the study varies.
"""
