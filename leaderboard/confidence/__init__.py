"""How sure a rank is: ties over images, rounds of a campaign, other defensible rules."""
