NAME flow_trade_qp
ROWS
 N    gft
 E    p_dusk
 E    p_noon
 E    d_noon load
 E    d_dusk load
 E    d_wind
COLUMNS
    x_noon load    p_noon    1
    x_noon load    d_noon load    1
    x_dusk load    p_dusk    1
    x_dusk load    d_dusk load    1
    x_wind    p_dusk    0.3
    x_wind    p_noon    0.7
    x_wind    d_wind    1
    y_noon load_0    gft    -40    d_noon load    -1
    y_dusk load_0    gft    -30    d_dusk load    -1
    y_wind_0    gft    -10.299999999999997    d_wind    -1
BOUNDS
 FR BND    x_noon load
 FR BND    x_dusk load
 FR BND    x_wind
 LO BND    y_noon load_0    0
 UP BND    y_noon load_0    40
 LO BND    y_dusk load_0    0
 UP BND    y_dusk load_0    30
 LO BND    y_wind_0    -40
 UP BND    y_wind_0    0
QUADOBJ
    y_noon load_0    y_noon load_0    0.5
    y_dusk load_0    y_dusk load_0    1
    y_wind_0    y_wind_0    1
ENDATA
