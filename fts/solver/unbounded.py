def refuse_unbounded(auction, part, program):
    pass
