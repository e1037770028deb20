"""The studies: experiments of the paper and of our own, each repeated by one command."""
