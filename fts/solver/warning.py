def warnings_of(auction):
    return ()
