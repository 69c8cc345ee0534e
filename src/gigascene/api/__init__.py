"""What the package offers to Python; each name is found in `gigascene` itself."""
