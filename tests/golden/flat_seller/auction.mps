NAME flow_trade_qp
ROWS
 N    gft
 E    p_noon
 E    d_buyer
 E    d_wind
COLUMNS
    x_buyer    p_noon    1
    x_buyer    d_buyer    1
    x_wind    p_noon    1
    x_wind    d_wind    1
    y_buyer_0    gft    -60    d_buyer    -1
    y_wind_0    gft    -28    d_wind    -1
BOUNDS
 FR BND    x_buyer
 FR BND    x_wind
 LO BND    y_buyer_0    0
 UP BND    y_buyer_0    100
 LO BND    y_wind_0    -200
 UP BND    y_wind_0    0
QUADOBJ
    y_buyer_0    y_buyer_0    0.4
    y_wind_0    y_wind_0    -0
ENDATA
