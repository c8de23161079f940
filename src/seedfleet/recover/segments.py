"""stub"""


def segment_of(item, question):
    return None


def rest_of(scope, segment):
    return ()
