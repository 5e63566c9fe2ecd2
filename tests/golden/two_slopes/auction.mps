NAME flow_trade_qp
ROWS
 N    gft
 E    p_noon
 E    d_buyer
 E    d_seller
COLUMNS
    x_buyer    p_noon    1
    x_buyer    d_buyer    1
    x_seller    p_noon    1
    x_seller    d_seller    1
    y_buyer_0    gft    -60    d_buyer    -1
    y_seller_0    gft    -10    d_seller    -1
BOUNDS
 FR BND    x_buyer
 FR BND    x_seller
 LO BND    y_buyer_0    0
 UP BND    y_buyer_0    100
 LO BND    y_seller_0    -100
 UP BND    y_seller_0    0
QUADOBJ
    y_buyer_0    y_buyer_0    0.4
    y_seller_0    y_seller_0    0.6
ENDATA
