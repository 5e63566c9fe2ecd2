NAME flow_trade_qp
ROWS
 N    gft
 E    p_noon
 E    d_need
 E    d_subsidy
 E    d_seller
COLUMNS
    x_buyer    p_noon    1
    x_buyer    d_need    1
    x_buyer    d_subsidy    1
    x_seller    p_noon    1
    x_seller    d_seller    1
    y_need_0    gft    -20    d_need    -1
    y_subsidy_0    gft    -10    d_subsidy    -1
    y_seller_0    gft    -10    d_seller    -1
BOUNDS
 FR BND    x_buyer
 FR BND    x_seller
 LO BND    y_need_0    0
 UP BND    y_need_0    20
 LO BND    y_subsidy_0    0
 UP BND    y_subsidy_0    100
 LO BND    y_seller_0    -40
 UP BND    y_seller_0    0
QUADOBJ
    y_need_0    y_need_0    1
    y_subsidy_0    y_subsidy_0    -0
    y_seller_0    y_seller_0    1
ENDATA
