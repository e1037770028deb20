"""Pictures in recordings: which arrays are images, films of them, and their overlay."""
