"""The studies: experiments of the paper and of our own, each repeated by one command. A cell is one run of a study."""
