"""The profile lab: other people's register maps into profiles, two maps compared, a live device read and judged."""
