"""Who people are and what they wear, drawn: looks, garments, cloth, prints and things carried."""
