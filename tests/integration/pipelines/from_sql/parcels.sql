SELECT parcel, sent_at, weight_kg, distance_km, late FROM parcels WHERE sent_at >= :start AND sent_at < :end
