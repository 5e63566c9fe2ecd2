"""One answer among the optimal ones: fills by what is offered, least traded rates, prices nearest to references."""
