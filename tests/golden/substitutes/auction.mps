NAME flow_trade_qp
ROWS
 N    gft
 E    p_A
 E    p_B
 E    d_load
 E    d_plant A
 E    d_plant B
COLUMNS
    x_load in A    p_A    1
    x_load in A    d_load    1
    x_load in B    p_B    1
    x_load in B    d_load    1
    x_plant A    p_A    1
    x_plant A    d_plant A    1
    x_plant B    p_B    1
    x_plant B    d_plant B    1
    y_load_0    gft    -30    d_load    -1
    y_plant A_0    gft    -5    d_plant A    -1
    y_plant B_0    gft    -7    d_plant B    -1
BOUNDS
 FR BND    x_load in A
 FR BND    x_load in B
 FR BND    x_plant A
 FR BND    x_plant B
 LO BND    y_load_0    0
 UP BND    y_load_0    30
 LO BND    y_plant A_0    -20
 UP BND    y_plant A_0    0
 LO BND    y_plant B_0    -20
 UP BND    y_plant B_0    0
QUADOBJ
    y_load_0    y_load_0    1
    y_plant A_0    y_plant A_0    1
    y_plant B_0    y_plant B_0    1
ENDATA
