"""From the readings of a trial to a model of the plant, gains for its loop and what they will do. Pure arithmetic."""
