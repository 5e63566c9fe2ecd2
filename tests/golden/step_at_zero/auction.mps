NAME flow_trade_qp
ROWS
 N    gft
 E    p_noon
 E    d_buyer
 E    d_seller
 E    d_maker
COLUMNS
    x_buyer    p_noon    1
    x_buyer    d_buyer    1
    x_seller    p_noon    1
    x_seller    d_seller    1
    x_maker    p_noon    1
    x_maker    d_maker    1
    y_buyer_0    gft    -46    d_buyer    -1
    y_seller_0    gft    -6    d_seller    -1
    y_maker_0    gft    -30    d_maker    -1
    y_maker_1    gft    -20    d_maker    -1
BOUNDS
 FR BND    x_buyer
 FR BND    x_seller
 FR BND    x_maker
 LO BND    y_buyer_0    0
 UP BND    y_buyer_0    40
 LO BND    y_seller_0    -40
 UP BND    y_seller_0    0
 LO BND    y_maker_0    -10
 UP BND    y_maker_0    0
 LO BND    y_maker_1    0
 UP BND    y_maker_1    10
QUADOBJ
    y_buyer_0    y_buyer_0    1
    y_seller_0    y_seller_0    1
    y_maker_0    y_maker_0    1
    y_maker_1    y_maker_1    1
ENDATA
