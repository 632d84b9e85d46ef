"""How sure a rank is: ties over images, rounds of a campaign, other defensible rules.

ties         how ties are decided: a paired bootstrap over images
interleaved  ratios, intervals and rank sets from rounds
robustness   the same records ranked under other choices
"""
