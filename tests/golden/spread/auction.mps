NAME flow_trade_qp
ROWS
 N    gft
 E    p_A
 E    p_B
 E    d_buy A
 E    d_sell A
 E    d_buy B
 E    d_sell B
 E    d_swap
COLUMNS
    x_buy A    p_A    1
    x_buy A    d_buy A    1
    x_sell A    p_A    1
    x_sell A    d_sell A    1
    x_buy B    p_B    1
    x_buy B    d_buy B    1
    x_sell B    p_B    1
    x_sell B    d_sell B    1
    x_swap    p_A    1
    x_swap    p_B    -1
    x_swap    d_swap    1
    y_buy A_0    gft    -50    d_buy A    -1
    y_sell A_0    gft    -10    d_sell A    -1
    y_buy B_0    gft    -90    d_buy B    -1
    y_sell B_0    gft    -50    d_sell B    -1
    y_swap_0    gft    15    d_swap    -1
BOUNDS
 FR BND    x_buy A
 FR BND    x_sell A
 FR BND    x_buy B
 FR BND    x_sell B
 FR BND    x_swap
 LO BND    y_buy A_0    0
 UP BND    y_buy A_0    50
 LO BND    y_sell A_0    -50
 UP BND    y_sell A_0    0
 LO BND    y_buy B_0    0
 UP BND    y_buy B_0    40
 LO BND    y_sell B_0    -40
 UP BND    y_sell B_0    0
 LO BND    y_swap_0    0
 UP BND    y_swap_0    40
QUADOBJ
    y_buy A_0    y_buy A_0    1
    y_sell A_0    y_sell A_0    1
    y_buy B_0    y_buy B_0    1
    y_sell B_0    y_sell B_0    1
    y_swap_0    y_swap_0    -0
ENDATA
