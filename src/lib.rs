//! pagestream
