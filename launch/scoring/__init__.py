"""What scores are compared with: games, known scores, confidence intervals."""
